// Topics and filters as lists of levels: split once, matched against each other many times.

export const levelsOf = (topicOrFilter: string): readonly string[] => topicOrFilter.split("/");

/** Whether a topic matches a filter (MQTT 3.1.1 §4.7), `$` topics excepted from leading wildcards [MQTT-4.7.2-1]. */
export function matchesFilter(filter: readonly string[], topic: readonly string[]): boolean {
  if (topic[0]?.startsWith("$") === true && filter[0]?.startsWith("$") !== true) return false;
  for (let i = 0; i < filter.length; i++) {
    const level = filter[i];
    if (level === "#") return true;
    if (i >= topic.length || (level !== "+" && level !== topic[i])) return false;
  }
  return filter.length === topic.length;
}
