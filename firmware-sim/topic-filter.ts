/** Whether a topic matches a filter (MQTT 3.1.1 §4.7), `$` topics excepted from leading wildcards [MQTT-4.7.2-1]. */
export function matchesFilter(filter: string, topic: string): boolean {
  const wildcard = filter.search(/[+#]/);
  if (wildcard < 0) return filter === topic;
  // What stands before the first wildcard decides nearly always, and without taking anything apart.
  if (!topic.startsWith(filter.slice(0, wildcard))) return filter === `${topic}/#`;
  if (topic.startsWith("$") && !filter.startsWith("$")) return false;
  const levels = topic.split("/");
  const wanted = filter.split("/");
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (i >= levels.length || (level !== "+" && level !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}
