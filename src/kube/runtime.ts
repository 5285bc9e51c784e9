export {
  Controller,
  type ControllerOptions,
  type ControllerTelemetry,
  type Reconcile,
  type ReconcileContext,
  type Requeue,
  TerminalError,
} from './runtime/controller.ts';
export { type EventRecord, EventRecorder, type RecorderOptions } from './runtime/event-recorder.ts';
export { FairLine } from './runtime/fair-line.ts';
export { Health, type HttpServer, type Probe, serveMetrics } from './runtime/health.ts';
export { type ElectionOptions, LeaderElection, LeadershipLost, type Lease } from './runtime/leader-election.ts';
export { createLogger, type Fields, type Logger, type LogOptions } from './runtime/log.ts';
export { type Cache, Manager, type ManagerOptions, type Task } from './runtime/manager.ts';
export { counter, createMetrics, gauge, histogram, type Metrics } from './runtime/metrics.ts';
export { runProcess } from './runtime/process.ts';
export { type AddOptions, lowPriority, type QueueOptions, type QueueTelemetry, WorkQueue } from './runtime/queue.ts';
export { RecentWork } from './runtime/recent-work.ts';
