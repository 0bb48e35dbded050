// The entry of a bench's other processes. Each role is loaded alone, so that a process holds what its role needs and no more.

const roles: Readonly<Record<string, () => Promise<unknown>>> = {
  voter: () => import("./children/voter.ts"),
  "bare-voter": () => import("./children/bare-voter.ts"),
  broker: () => import("./children/broker.ts"),
  agent: () => import("./children/agent.ts"),
  libraries: () => import("./children/libraries.ts"),
  "idle-site": () => import("./children/idle-site.ts"),
};

const [role = ""] = process.argv.slice(2);
// An interrupted bench ends its children itself; a terminal's Ctrl-C would only make them say so.
process.on("SIGINT", () => undefined);
await roles[role]?.();
