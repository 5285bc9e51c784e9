import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrame, FrameReader, MalformedFrame } from '../../../../../src/operator/inquiry/asking/frames.ts';

const most = 64 * 1024;
const frames = fc.array(fc.record({ header: fc.dictionary(fc.string(), fc.jsonValue()), body: fc.uint8Array() }));
const cuts = fc.array(fc.nat(64), { minLength: 1 });

function* pieces(bytes: Buffer, lengths: readonly number[]) {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = 1 + (lengths[turn % lengths.length] ?? 0);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

test('what was sent is read, in whatever pieces it comes', () => {
  fc.assert(
    fc.property(frames, cuts, (sent, lengths) => {
      const bytes = Buffer.concat(sent.map(({ header, body }) => encodeFrame(header, body)));
      const reader = new FrameReader(most);
      const read = [...pieces(bytes, lengths)].flatMap((piece) => reader.read(piece));
      expect(read.map(({ header }) => header)).toEqual(sent.map(({ header }) => JSON.parse(JSON.stringify(header))));
      expect(read.map(({ body }) => body)).toEqual(sent.map(({ body }) => Buffer.from(body)));
    }),
  );
});

test('bytes of anybody are frames, or malformed, or wait for more; they are never another error', () => {
  const hostile = fc.oneof(
    fc.uint8Array({ maxLength: 256 }),
    // Lengths that come near to what they announce.
    fc.tuple(fc.nat(20), fc.nat(20), fc.uint8Array({ maxLength: 20 })).map(([whole, header, rest]) => {
      return Buffer.concat([Buffer.from([0, 0, 0, whole, 0, 0, 0, header]), rest]);
    }),
  );
  fc.assert(
    fc.property(hostile, cuts, (bytes, lengths) => {
      const reader = new FrameReader(most);
      try {
        for (const piece of pieces(Buffer.from(bytes), lengths)) reader.read(piece);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedFrame);
      }
    }),
  );
});

test.each([
  ['longer than the bound', [0, 1, 0, 1]],
  ['of four gibibytes', [0xff, 0xff, 0xff, 0xff]],
  ['too short for a header', [0, 0, 0, 3]],
])('a frame %s is refused by its length alone', (_, length) => {
  expect(() => new FrameReader(most).read(Buffer.from(length))).toThrow(MalformedFrame);
});

test('a header that is longer than its frame is refused, though what is there of it is JSON', () => {
  const frame = encodeFrame({});
  frame.writeUInt32BE(3, 4);
  expect(() => new FrameReader(most).read(frame)).toThrow(MalformedFrame);
});

test('the longest frame that is allowed is read', () => {
  const frame = encodeFrame({}, Buffer.alloc(most - 6));
  expect(frame.length - 4).toBe(most);
  expect(new FrameReader(most).read(frame)).toHaveLength(1);
});
