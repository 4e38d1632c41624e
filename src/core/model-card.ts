/** What the files of a checkpoint say of it, for those who ask what is served. */
export interface ModelCard {
  /** Of the files with weights. */
  readonly format: 'safetensors' | 'gguf';
  /** Numbers that were learnt; 0 where there are no weights (`--load-format dummy`). */
  readonly parameters: number;
  /** How most of them are stored, under the name of their format (`BF16`, `Q4_K`) or of the quantization; null without weights. */
  readonly precision: string | null;
  /** Size of the files with weights. */
  readonly bytes: number;
  /** When the newest of them was written, in milliseconds since 1970. */
  readonly modifiedAt: number;
  /** 64 hexadecimal digits that differ between checkpoints; the same wherever and whenever one is served. */
  readonly digest: string;
  /** config.json; what it says of a language model inside stands at the top. */
  readonly config: Readonly<Record<string, unknown>>;
}
