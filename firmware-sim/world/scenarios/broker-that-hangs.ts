// A broker stops working with all its connections open: nothing closes, nothing is refused, nobody is told (DESIGN §5). The site
// must switch to the other one within seconds; an hour's worth of messages that the broker delivers when it thaws must change
// nothing (RAFT-CASES 34, 43, 44).

import { seconds } from "../../../src/base/units.ts";
import { type Scenario, usualSite } from "../scenario.ts";

export const brokerThatHangs: Scenario = {
  name: "broker-that-hangs",
  what: "one of two brokers stops working with its connections open, then the other; each delivers it all late",
  site: usualSite,
  play: async (stage) => {
    await stage.voters(5);
    for (const broker of stage.world.brokers) {
      broker.hang();
      await stage.writes("a change commits while one broker hangs", seconds(20));
      await stage.wait(seconds(40));
      stage.expect("there is a coordinator while one broker hangs", stage.world.coordinator() !== undefined);
      const before = broker.statistics().received;
      broker.thaw();
      await stage.wait(seconds(10));
      stage.expect("it delivers what it held", broker.statistics().received > before);
      await stage.writes("a change commits after it thawed", seconds(20));
    }
  },
};
