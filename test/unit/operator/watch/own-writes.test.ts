import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { resources } from '../../../../src/kube/objects.ts';
import { OwnWrites, type Verbs } from '../../../../src/operator/watch/own-writes.ts';

const object = (uid: string, resourceVersion: string) => ({ metadata: { name: 'a', uid, resourceVersion } });

test('the version that we wrote is an echo, and no other', () => {
  const own = new OwnWrites();
  own.note(object('u', '2'));
  expect(['1', '2', '3'].map((version) => own.isEcho(object('u', version)))).toEqual([false, true, false]);
  expect(own.isEcho(object('other', '2'))).toBe(false);
});

test('an echo comes once: of a write that was told nothing is kept', () => {
  const own = new OwnWrites();
  own.note(object('u', '2'));
  expect([own.isEcho(object('u', '2')), own.isEcho(object('u', '2'))]).toEqual([true, false]);
});

test('an answer is noted before the cache tells of it', () => {
  const own = new OwnWrites();
  const told: boolean[] = [];
  own.take(object('u', '2'), { take: (written) => told.push(own.isEcho(written)) });
  expect(told).toEqual([true]);
});

test('an object that is gone leaves nothing behind', () => {
  const own = new OwnWrites();
  own.note(object('u', '2'));
  own.forget(object('u', '1'));
  expect(own.isEcho(object('u', '2'))).toBe(false);
});

test("an object without uid or version is nobody's echo", () => {
  const own = new OwnWrites();
  own.note({ metadata: { name: 'a' } });
  expect(own.isEcho({ metadata: { name: 'a' } })).toBe(false);
});

describe('what the watch tells of an object while it is written', () => {
  function writing() {
    const own = new OwnWrites();
    const answer = Promise.withResolvers<ReturnType<typeof object>>();
    const verbs = { patch: () => answer.promise, create: () => answer.promise } as unknown as Verbs;
    const told: string[] = [];
    const tell = (uid: string, version: string, name = 'a') => {
      const metadata = { ...object(uid, version).metadata, name };
      own.unlessOurs({ metadata }, () => told.push(version));
    };
    return { own, answer, client: own.client(verbs), told, tell };
  }

  test.each(['patch', 'create'] as const)(
    'by %s waits for the answer, and is told unless it is the echo of that',
    async (verb) => {
      const { own, answer, client, told, tell } = writing();
      const written =
        verb === 'patch'
          ? client.patch(resources.pods, 'a', {}, { type: 'merge' })
          : client.create(resources.pods, object('u', '0'));
      for (const version of ['2', '3', '4']) tell('u', version);
      expect(told).toEqual([]);
      answer.resolve(object('u', '3'));
      own.note(await written);
      await turn();
      expect(told).toEqual(['2', '4']);
      tell('u', '5');
      expect(told).toEqual(['2', '4', '5']);
    },
  );

  test('is told once a write has failed', async () => {
    const { answer, client, told, tell } = writing();
    const written = client.patch(resources.pods, 'a', {}, { type: 'merge' });
    tell('u', '2');
    answer.reject(new Error('refused'));
    await expect(written).rejects.toThrow('refused');
    await turn();
    expect(told).toEqual(['2']);
  });

  test('is told at once of any other object', () => {
    const { client, told, tell } = writing();
    void client.patch(resources.pods, 'a', {}, { type: 'merge' });
    tell('v', '1', 'b');
    expect(told).toEqual(['1']);
  });
});
