import { Socket } from 'node:net';

/** Writes whatever it is told to, frame or not. */
const pipe = new Socket({ fd: 3 });
pipe.once('data', (frame: Buffer) => {
  pipe.write(Buffer.from(JSON.parse(frame.toString('utf8', 8)).bytes, 'base64'));
});
