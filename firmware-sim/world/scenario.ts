// A scenario: a story that somebody lived through, told again by hand, where chance would need too long to find it.
//
// It has its site and its steps, and each step that the story needs is looked at: a story that did not come to pass breaks the
// promise `scenario`, so that it cannot pass for another reason. Before it the site is founded, and after it the site must heal, as
// in every run; all checkers look on.

import type { Random } from "../../src/base/ports/random.ts";
import { milliseconds } from "../../src/base/units.ts";
import type { SiteConfiguration } from "../../src/site/configuration.ts";
import type { ClientHabits } from "./client-habits.ts";
import type { SitePlan } from "./site.ts";
import type { Stage } from "./stage.ts";
import type { World } from "./world.ts";

export interface Scenario {
  /** As `--scenario` takes it. */
  readonly name: string;
  /** In a sentence, for a person. */
  readonly what: string;
  readonly site: SitePlan;
  /** What a person of the story makes of a configuration, each time another; as other clients do if absent. */
  readonly change?: (configuration: SiteConfiguration, random: Random) => SiteConfiguration;
  /** Before any device has power. */
  prepare?(world: World): void;
  /** The story, from the founded site on. What it breaks it mends, except for power and for cuts of the network. */
  play(stage: Stage): Promise<void>;
}

const person: ClientHabits = { pause: milliseconds(2_000), writes: 0.6, echoes: 1, isImpatient: false };

/** Five voters, two brokers that stand alone, two people; whatever a scenario needs otherwise it says. */
export const usualSite: SitePlan = {
  devices: 5,
  brokers: [undefined, undefined],
  sensorsEach: 1,
  sensorInterval: 2_000,
  window: 10_000,
  flushInterval: 2_000,
  areLogsSmall: false,
  outboxBytes: undefined,
  areReadingsLogsSmall: false,
  clients: [person, person],
  storm: 0,
};
