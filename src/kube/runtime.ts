export { Controller } from './runtime/controller.ts';
export { EventRecorder } from './runtime/event-recorder.ts';
export { Health, type HttpServer } from './runtime/health.ts';
export { LeaderElection, type Lease } from './runtime/leader-election.ts';
export { createLogger, type Fields, type Logger } from './runtime/log.ts';
export { Manager } from './runtime/manager.ts';
export { createMetrics, type Metrics } from './runtime/metrics.ts';
export { runProcess } from './runtime/process.ts';
export { LOW_PRIORITY, WorkQueue } from './runtime/queue.ts';
