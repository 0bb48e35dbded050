// What questions to the API are made of.

export const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** Of a client session: 1, 2, 3 … */
export const isSerial = (value: unknown): value is number => isCount(value) && value >= 1;

export const isClientSession = (value: unknown): value is string =>
  typeof value === "string" && /^[0-9a-f]{32}$/.test(value);
