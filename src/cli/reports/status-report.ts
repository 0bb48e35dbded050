// The status of a site for people: the answer to "who leads, and why?" first.

import type { AgentStatus } from "../../agent/status.ts";
import { formatDuration } from "../../base/duration-text.ts";

/** `coordinator`: its own answer, if it gave one. */
export function describeStatus(asked: AgentStatus, coordinator: AgentStatus | undefined): string {
  const lines = [...leadership(asked, coordinator), "", ...device(asked)];
  if (coordinator !== undefined) lines.push("", ...uplink(coordinator));
  return `${lines.join("\n")}\n`;
}

function leadership(asked: AgentStatus, coordinator: AgentStatus | undefined): string[] {
  const { site, leader, term, voters } = asked;
  const who = leader === undefined ? "no coordinator" : `coordinator ${leader}`;
  const why = coordinator?.why ?? asked.why;
  const silent =
    leader !== undefined && coordinator === undefined ? [`            ${leader} itself does not answer`] : [];
  return [
    `site        ${site}, generation ${asked.generation}`,
    `who leads   ${who}, term ${term}`,
    `why         ${why}`,
    ...silent,
    `voters      ${voters.length === 0 ? "none known" : voters.join(", ")}${quorum(voters.length)}`,
  ];
}

function quorum(voters: number): string {
  if (voters === 0) return "";
  if (voters === 1) return " (the site stands on one card until more devices have come)";
  const needed = Math.floor(voters / 2) + 1;
  return ` (${needed} of ${voters} must be there)`;
}

function device(status: AgentStatus): string[] {
  const behind = Math.max(0, status.commit - status.applied);
  const kind = status.role === "leader" ? "coordinator" : status.isVoter ? "voter" : "learner";
  const { readings } = status;
  const time = status.siteTime === undefined ? "none yet" : new Date(status.siteTime).toISOString();
  return [
    `device      ${status.device}, ${kind}, session ${status.session}, agent ${status.version}`,
    `log         commit ${status.commit}, applied ${status.applied}${behind === 0 ? "" : ` (${behind} behind)`}, revision ${status.revision}`,
    `site time   ${time}, ${status.siteTimeState}`,
    ...status.brokers.map((broker, i) => `${i === 0 ? "brokers     " : "            "}${describeBroker(broker)}`),
    `readings    ${readings.taken} taken, ${readings.counted} counted, ${readings.uncounted} to be counted, ${readings.missing} missing`,
    ...frozen(readings.frozen),
    ...(readings.stopped === undefined ? [] : [`            no readings are taken: ${readings.stopped}`]),
    `disk        ${megabytes(status.disk.bytesWritten)} and ${status.disk.syncs} syncs since it started`,
    ...status.problems.map((problem, i) => `${i === 0 ? "problems    " : "            "}${problem}`),
  ];
}

/** What this device gave up, and why. */
function frozen(readings: AgentStatus["readings"]["frozen"]): string[] {
  if (readings === undefined) return [];
  const [since, until] = [readings.since, readings.until].map((time) => new Date(time).toISOString());
  const windows = `kept only as windows of up to ${formatDuration(readings.span)}: there was no room for more uncounted ones`;
  return [`            ${readings.readings} of them, from ${since} to ${until}, are ${windows}`];
}

function describeBroker({ url, isUp, why, roundTrip }: AgentStatus["brokers"][number]): string {
  if (!isUp) return `${url} down: ${why ?? "not connected yet"}`;
  return `${url} up${roundTrip === undefined ? "" : `, ${roundTrip.toFixed(1)} ms`}`;
}

function uplink({ outbox, device: name }: AgentStatus): string[] {
  const { waiting, bytes, daysOfRoom, isUplinkUp, uplinkUrl, uplinkProblem, cursor, last } = outbox;
  const where = uplinkUrl === undefined ? "" : `${uplinkUrl} `;
  const why = uplinkProblem === undefined ? "" : `: ${uplinkProblem}`;
  const room =
    daysOfRoom === undefined
      ? "room not known yet: that takes a minute in which windows close"
      : `room for ${formatDays(daysOfRoom)} at the present rate; then older windows become coarser`;
  return [
    `uplink      ${where}${isUplinkUp ? "up" : "down"}${why} (said by ${name})`,
    `outbox      ${waiting} waiting (${megabytes(bytes)}); items up to ${cursor} of ${last} are through`,
    `offline     ${room}`,
  ];
}

function formatDays(days: number): string {
  if (days >= 10) return `${Math.floor(days)} days`;
  if (days >= 1) return `${days.toFixed(1)} days`;
  return `${(days * 24).toFixed(1)} hours`;
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB`;
