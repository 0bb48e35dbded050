import { it } from "vitest";
import { siteBooks } from "../../../../firmware-sim/world/books/site-books.ts";
import { boundsChecker } from "../../../../firmware-sim/world/checkers/bounds.ts";
import { limits } from "../../../../src/base/limits.ts";
import type { StateSizes } from "../../../../src/site/state.ts";
import { CheckedSite, expectCaught, firstOf } from "./checked-site.ts";

const watched = (): CheckedSite => new CheckedSite([siteBooks, boundsChecker]);
const second = (site: CheckedSite): void => site.tell((checker) => checker.second?.());

function shows(site: CheckedSite, sizes: Partial<StateSizes>): void {
  const { state } = firstOf(site).replica;
  const honest = state.sizes;
  Object.defineProperty(state, "sizes", { get: () => ({ ...honest, ...sizes }) });
}

it("a site at its bounds", () => {
  const site = watched();
  shows(site, { members: limits.members, gone: limits.goneOrigins, outboxBytes: limits.outboxBytes });
  site.logUsage = { ...site.logUsage, bytes: limits.raftLogBytes };
  second(site);
});

it.each([
  { members: limits.members + 1 },
  { gone: limits.goneOrigins + 1 },
  { sessions: limits.clientSessions + 1 },
  { windowBytes: 2 * limits.windowBytesMax },
  { outboxBytes: 2 * limits.outboxBytes },
  { revisions: limits.configurationRevisions + 1 },
  { definitionVersions: limits.definitionVersions + 1 },
])("caught: %o", (sizes) => {
  const site = watched();
  shows(site, sizes);
  expectCaught("bounds", () => second(site));
});

it("caught: a Raft log that grows for ever", () => {
  const site = watched();
  site.logUsage = { ...site.logUsage, bytes: limits.raftLogBytes + 1 };
  expectCaught("bounds", () => second(site));
});

it("caught: timers that nobody cancels", () => {
  const site = watched();
  site.pendingEvents = 1_000_000;
  expectCaught("bounds", () => second(site));
});
