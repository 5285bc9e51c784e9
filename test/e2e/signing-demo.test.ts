import { demoTest } from './kit/demo.ts';

demoTest('signing', { signatureVerification: { enabled: true } });
