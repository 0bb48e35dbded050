export interface BrokerOptions {
  /** Address to listen on; `127.0.0.1` unless the site says otherwise. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** MQTT over WebSocket on a port of its own, for browsers; undefined: none. */
  readonly webSocketPort?: number;
}

export interface BrokerStatistics {
  readonly clients: number;
  readonly received: number;
  readonly delivered: number;
  readonly bytesReceived: number;
  readonly bytesDelivered: number;
  /** Deliveries left out because the receiver did not read. */
  readonly dropped: number;
  /** Connections closed for breaking a limit. */
  readonly cutOff: number;
}

/** An MQTT broker that this agent embeds. */
export interface Broker {
  readonly host: string;
  readonly port: number;
  readonly webSocketPort: number | undefined;
  statistics(): BrokerStatistics;
  /** Idempotent; cuts off all clients. */
  stop(): Promise<void>;
}

export interface Brokers {
  /** Fails with `port-in-use`, naming the port. */
  start(options: BrokerOptions): Promise<Broker>;
}
