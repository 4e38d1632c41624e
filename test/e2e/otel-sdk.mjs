// What an operator registers with `node --import`: an SDK of their own, set up by OpenTelemetry's variables.
import { NodeSDK } from '@opentelemetry/sdk-node';

new NodeSDK().start();
