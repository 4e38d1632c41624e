/** Where the server stands in its life; the launcher moves it on. */
export type ServerPhase = 'starting' | 'up' | 'draining';

export class ServerStatus {
  phase: ServerPhase = 'starting';
}
