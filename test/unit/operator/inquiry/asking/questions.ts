import type { Question } from '../../../../../src/operator/inquiry/asking/question.ts';

/** One question to loopback: over TLS to an agent of a.test, unless other trust domains, or none, are given. */
export function question(port: number, over: Partial<Question> = {}): Question {
  const limits = { maxBytes: 1024, maxHeaderBytes: 8192, timeoutMs: 20_000 };
  const request = { address: '127.0.0.1', port, family: 4 as const, path: '/', hostHeader: 'agent', limits };
  return { card: 'team/agent', proven: false, request, ...over };
}
