// Reads an OpenAPI document and writes what is wrong with it, nothing if all is well. The checker is an ES module.
import { text } from 'node:stream/consumers';
import { Validator } from '@seriousme/openapi-schema-validator';

const validator = new Validator();
const { valid, errors } = await validator.validate(JSON.parse(await text(process.stdin)));
if (!valid) process.stdout.write(JSON.stringify(errors));
else if (validator.version !== '3.1') process.stdout.write(`version ${validator.version}`);
