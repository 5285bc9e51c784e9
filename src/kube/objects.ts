/** The shapes of the wire, keys and where kinds live. Pure: nothing here reaches a client. */
export * from './client/kinds.ts';
export * from './client/objects.ts';
