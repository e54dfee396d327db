import { expect, test, vi } from 'vitest';
import { TypedEmitter } from '../src/events.ts';

interface Events {
  ping: [count: number];
  pong: [];
}

test('on returns its end, off ends it too, once ends itself', () => {
  const emitter = new TypedEmitter<Events>();
  const heard: string[] = [];
  const listener = (count: number): void => void heard.push(`off ${count}`);
  const stop = emitter.on('ping', (count) => heard.push(`on ${count}`));
  emitter.on('ping', listener);
  emitter.once('ping', (count) => heard.push(`once ${count}`));
  emitter.emit('ping', 1);
  stop();
  emitter.emit('ping', 2);
  emitter.off('ping', listener);
  emitter.emit('ping', 3);
  expect(heard).toEqual(['on 1', 'off 1', 'once 1', 'off 2']);
});

test('a listener that throws harms nobody, and its error is not lost', async () => {
  const emitter = new TypedEmitter<Events>();
  const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve));
  // Vitest would take the error for its own.
  const others = process.listeners('uncaughtException').slice(0, -1);
  for (const other of others) process.off('uncaughtException', other);
  const heard = vi.fn();
  emitter.on('pong', () => {
    throw new Error('broken listener');
  });
  emitter.on('pong', heard);
  emitter.emit('pong');
  expect(heard).toHaveBeenCalledOnce();
  expect(await uncaught).toMatchObject({ message: 'broken listener' });
  for (const other of others) process.on('uncaughtException', other);
});

test('listeners that come and go while an event is told do not disturb it', () => {
  const emitter = new TypedEmitter<Events>();
  const heard: string[] = [];
  emitter.on('pong', () => {
    heard.push('first');
    emitter.on('pong', () => heard.push('late'));
  });
  emitter.on('pong', () => heard.push('second'));
  emitter.emit('pong');
  expect(heard).toEqual(['first', 'second']);
});
