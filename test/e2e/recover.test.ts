// A majority that is lost for good, as a person meets it: the command refuses as long as it may be wrong, and then the site goes
// on (docs/recovery.md).

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually, type Finished, runSkein } from "./program.ts";
import { siteName, type TestDevice, TestSite } from "./test-site.ts";

describe("skein recover (3 agents, 2 of them lost)", () => {
  let site: TestSite;

  beforeAll(async () => {
    site = await TestSite.prepare(3);
    await site.start();
  });

  afterAll(async () => {
    await site?.dispose();
  });

  function recover({ name, data }: TestDevice, ...args: string[]): Promise<Finished> {
    const where = ["--site", siteName, "--device", name, "--data", data, "--broker", site.broker.url];
    return runSkein(["recover", ...where, "--listen", "4s", ...args]);
  }

  it("refuses while it may be wrong, and says why; then begins the next generation, which the returned one comes over to", async () => {
    const [first, second, survivor] = site.devices;
    if (first === undefined || second === undefined || survivor === undefined) throw new Error("there are three");

    expect(await recover(survivor, "--lost", "pi-1,pi-2")).toMatchObject({ code: 73 });

    await second.kill();
    await survivor.stop();
    const early = await recover(survivor, "--lost", "pi-1,pi-2", "--yes-lost", "pi-1,pi-2");
    expect(early).toMatchObject({ code: 75 });
    expect(early.stderr).toMatch(/pi-1 is declared lost, and is heard on mqtt:\/\/127/);

    await first.kill();
    const tooFew = await recover(survivor, "--lost", "pi-2");
    expect(tooFew).toMatchObject({ code: 75 });
    expect(tooFew.stderr).toMatch(/pi-1, pi-3 are a majority of the voters/);

    const shown = await recover(survivor);
    expect(shown).toMatchObject({ code: 64 });
    expect(shown.stdout).toMatch(/pi-3 +yes +left +this device +\d+ +\d+/);

    const unsaid = await recover(survivor, "--lost", "pi-1,pi-2");
    expect(unsaid).toMatchObject({ code: 64 });
    expect(unsaid.stderr).toMatch(/say --yes-lost pi-1,pi-2/);

    const done = await recover(survivor, "--survivors", "pi-3", "--yes-lost", "pi-2,pi-1");
    expect(done.stderr).not.toMatch(/Nothing was changed/);
    expect(done).toMatchObject({ code: 0 });
    survivor.start();
    await eventually("it leads generation 2", async () => {
      const status = await site.statusOf("pi-3");
      return status?.generation === 2 && status.role === "leader" ? status : undefined;
    });

    first.start();
    const status = await eventually("the returned one is a member of it", async () => {
      const found = await site.statusOf("pi-1");
      return found?.generation === 2 && found.members.length === 2 ? found : undefined;
    });
    expect(status.problems).toEqual([]);
    await first.stop();
    const listed = await recover(first, "--set-aside");
    expect(listed).toMatchObject({ code: 0 });
    expect(listed.stdout).toMatch(/founding of e2e, generation 1/);
  });
});
