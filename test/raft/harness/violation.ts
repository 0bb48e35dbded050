/** A checker found that a promise does not hold. */
export class Violation extends Error {}
