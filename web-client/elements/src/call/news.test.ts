import { describe, expect, it } from 'vitest';
import { english } from '../texts/english.ts';
import { chatNews } from './news.ts';

const message = (text: string) => ({ id: 'CH_1', participant: 'PA_1', name: 'Ada', text, at: 0 });

describe('chatNews', () => {
  it('is one line', () => {
    expect(chatNews(message(' hello\n\nthere '), english.news)).toBe('Ada: hello there');
  });

  it('is short, however long the message', () => {
    const news = chatNews(message('word '.repeat(1000)), english.news);
    expect(news.length).toBeLessThan(200);
    expect(news.endsWith('…')).toBe(true);
  });
});
