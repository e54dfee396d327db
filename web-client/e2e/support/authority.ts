import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Settings } from './placed-server.ts';

/** An authority of a test's own, and a certificate that it has signed. */
export interface Authority {
  /** A home folder in whose certificate store Chromium trusts it. */
  readonly home: string;
  /** For a server with that certificate. */
  readonly settings: Settings;
  remove(): void;
}

const run = promisify(execFile);
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** Makes an authority, has it sign a certificate for an IP address, and puts it into the certificate store of a new home folder. */
export async function makeAuthority(address: string): Promise<Authority> {
  const home = mkdtempSync(join(tmpdir(), 'oriel-authority-'));
  const file = (name: string) => join(home, name);
  const [authority, secret] = [file('authority.pem'), file('authority.key')];
  await run('openssl', ['req', '-x509', ...KEY, '-subj', '/CN=Oriel test authority', '-keyout', secret, '-out', authority]);
  const [certificate, key] = [file('cert.pem'), file('key.pem')];
  const names = ['-addext', `subjectAltName=IP:${address}`, '-addext', 'basicConstraints=critical,CA:FALSE'];
  const signed = ['-CA', authority, '-CAkey', secret, '-subj', `/CN=${address}`];
  await run('openssl', ['req', '-x509', ...KEY, ...signed, ...names, '-keyout', key, '-out', certificate]);
  // Where Chromium looks on Linux (docs/linux/cert_management.md of its sources).
  const store = file('.pki/nssdb');
  mkdirSync(store, { recursive: true });
  await run('certutil', ['-N', '-d', `sql:${store}`, '--empty-password']);
  await run('certutil', ['-A', '-d', `sql:${store}`, '-n', 'Oriel test authority', '-t', 'C,,', '-i', authority]);
  return {
    home,
    settings: { ORIEL__TLS__MODE: 'files', ORIEL__TLS__CERT: certificate, ORIEL__TLS__KEY: key },
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}
