import { demoTest } from './kit/demo.ts';

demoTest('enforcement', { enforcement: { mode: 'off' } });
