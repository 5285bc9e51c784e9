import { demoTest } from './kit/demo.ts';

demoTest('callers', { enforcement: { mode: 'off' } });
