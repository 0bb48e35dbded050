/** A broker's URL as it may be shown and logged. A password may hold an `@`: everything up to the last one goes. */
export const withoutLogin = (url: string): string => url.replace(/\/\/[^/]*@/, "//");
