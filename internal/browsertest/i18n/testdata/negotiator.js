// Chooses languages with negotiator of npm. Each line of the input is an
// Accept-Language field. Each line of the output is the language chosen, or a
// hyphen for none.
//
// Usage: node negotiator.js DIRECTORY-OF-NEGOTIATOR LANGUAGE...
'use strict';
const [, , directory, ...offered] = process.argv;
const Negotiator = require(directory);

require('readline')
  .createInterface({ input: process.stdin })
  .on('line', (field) => {
    const negotiator = new Negotiator({ headers: { 'accept-language': field } });
    process.stdout.write((negotiator.language(offered) || '-') + '\n');
  });
