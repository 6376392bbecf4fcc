// Calls LoginRadius' SDK for Node, as the server of a site does. Each line of
// the input is a call: {"config": {}, "api": "accountApi", "method": "...",
// "args": []}. Each line of the output is its outcome: {"resolved": ...} or
// {"rejected": ...}.
//
// Usage: node sdk.js DIRECTORY-OF-THE-SDK PORT
'use strict';
const [, , sdk, port] = process.argv;

// The SDK has an option for the domain and none for the port.
require('https').globalAgent.defaultPort = Number(port);

async function answer(line) {
  const call = JSON.parse(line);
  // A null in JSON stands for an argument that was left out.
  const args = call.args.map((a) => (a === null ? undefined : a));
  const api = require(sdk)(call.config)[call.api];
  const outcome = await api[call.method](...args).then(
    (resolved) => ({ resolved }),
    (rejected) => ({ rejected })
  );
  process.stdout.write(JSON.stringify(outcome) + '\n');
}

require('readline')
  .createInterface({ input: process.stdin })
  .on('line', answer);
