/** A stage begins when those that it stands on, which come before it in the list, have ended, however they ended. */
export interface Ordered {
  readonly name: string;
  readonly after: readonly string[];
}

/** Runs every stage once, as early as its order allows; resolves with their outcomes in the order of the list. */
export function runStages<S extends Ordered, O>(stages: readonly S[], run: (stage: S) => Promise<O>): Promise<O[]> {
  const begun = new Map<string, Promise<O>>();
  for (const stage of stages) {
    const before = stage.after.map((name) => {
      const outcome = begun.get(name);
      if (outcome === undefined)
        throw new TypeError(`${stage.name} is to begin after ${name}, which does not come before it`);
      return outcome;
    });
    begun.set(
      stage.name,
      Promise.all(before).then(() => run(stage)),
    );
  }
  return Promise.all(begun.values());
}
