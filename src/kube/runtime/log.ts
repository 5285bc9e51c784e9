import { destination, type Logger as PinoLogger, pino, stdSerializers, stdTimeFunctions } from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFormat = 'json' | 'text';
export type Fields = Readonly<Record<string, unknown>>;

/** Messages are constant sentences; what varies goes into fields. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** A logger whose lines all carry these fields. */
  with(fields: Fields): Logger;
}

export interface LogOptions {
  readonly level?: LogLevel;
  readonly format?: LogFormat;
  /** Receives each line; standard error. */
  readonly write?: (line: string) => void;
}

/** Writes from this thread, line by line: a log that a crash swallows is worth nothing. */
export function createLogger(options: LogOptions = {}): Logger {
  const { level = 'info', format = 'json', write } = options;
  const stream = write === undefined ? standardError() : { write };
  return wrap(
    pino(
      {
        level,
        base: null,
        messageKey: 'message',
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { error: serializeError },
      },
      format === 'json' ? stream : { write: (line: string) => void stream.write(asText(line)) },
    ),
  );
}

/** While its disk is full, lines wait up to this many bytes, and what comes after them is lost. */
const waitingBytes = 1024 * 1024;

/** A log that cannot be written must not end the process. */
function standardError() {
  return destination({ dest: 2, sync: true, maxLength: waitingBytes }).on('error', () => {});
}

function wrap(logger: PinoLogger): Logger {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    with: (fields) => wrap(logger.child(fields)),
  };
}

function serializeError(error: unknown): unknown {
  return error instanceof Error ? stdSerializers.err(error) : error;
}

/** `12:00:00.000Z info message key=value`, for people at a terminal. */
function asText(line: string): string {
  const { time, level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const said = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`);
  return `${[String(time).slice(11), String(level).padEnd(5), message, ...said].join(' ')}\n`;
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
}
