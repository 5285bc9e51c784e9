import { Gauge, type Registry } from 'prom-client';

/** Registers gauges that are read anew whenever they are scraped. */
export function scraped(registry: Registry) {
  return (name: string, help: string, labelNames: readonly string[], read: (gauge: Gauge) => void): void => {
    const collect = function (this: Gauge) {
      this.reset();
      read(this);
    };
    new Gauge({ name, help, labelNames, registers: [registry], collect });
  };
}
