import type { ServerArgs } from '../../server-args/server-args';

/** What is served now: what the server was started with, until other weights take its place. */
export class ServedModel {
  /** As the operator called it. */
  modelPath: string;
  /** As clients know it. */
  name: string;
  loadFormat: ServerArgs['loadFormat'];
  /** What replies say in `weight_version`. */
  weightVersion: string;
  /** Its folder; null while it is the one that the server was started with. */
  modelDir: string | null = null;
  /** How often weights were put in place of others. */
  updates = 0;
  private readonly isNamed: boolean;

  constructor(args: Pick<ServerArgs, 'modelPath' | 'servedModelName' | 'loadFormat' | 'weightVersion'>) {
    this.modelPath = args.modelPath;
    this.name = args.servedModelName;
    this.loadFormat = args.loadFormat;
    this.weightVersion = args.weightVersion;
    this.isNamed = args.servedModelName !== args.modelPath;
  }

  /** Other weights serve. A name of `--served-model-name` stays: clients ask for the model by it. */
  replaced(modelPath: string, modelDir: string, loadFormat: ServerArgs['loadFormat']): void {
    this.modelPath = modelPath;
    this.modelDir = modelDir;
    this.loadFormat = loadFormat;
    this.updates += 1;
    if (!this.isNamed) this.name = modelPath;
  }
}
