// The rules of freezing (docs/decisions/0008), each of which the model can be run without; every one must then be caught.

export const freezingRules = {
  "beyond-sent": "nothing is frozen that may ever have been sent",
  "sendable-synced": "how far anything may be sent is synced before it is sent",
  "merge-beyond-sent": "frozen partials that may have been sent are not merged",
  "merge-beyond-counted":
    "frozen partials that begin before what is counted are not merged, whatever this card has sent",
  "synced-in-place": "readings go only once what takes their place is synced",
  "frozen-keys": "a frozen partial keeps its windows whatever the definitions become",
  "no-revision": "a frozen partial is not compared by revision",
  "as-new-as-sampled": "nothing is frozen under older definitions than it was sampled under",
  "admitted-only": "nobody freezes who does not know how far the site has counted",
} as const;

export type FreezingRule = keyof typeof freezingRules;
