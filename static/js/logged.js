// The addresses that mlflow's client prints name a run or a model behind the #, which no server sees: ask for its page.
"use strict";
(() => {
  const found = /\/(run|model)s\/((?:m-)?[0-9a-f]{32})/.exec(location.hash);
  if (found) location.replace(`?${found[1]}=${found[2]}`);
})();
