# skein's agent. Build: docker build -t skein .   Run: see "With systemd, or Docker" in README.md.
ARG BASE=node:24-bookworm-slim

FROM ${BASE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY firmware-sim firmware-sim
COPY bench bench
RUN npm run -s build
RUN npm prune --omit=dev

FROM ${BASE}
ENV NODE_ENV=production
WORKDIR /opt/skein
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY devices devices
COPY firmware-sim/page firmware-sim/page
COPY LICENSE ./
RUN groupadd --system skein && useradd --system --gid skein --home-dir /var/lib/skein --create-home skein
USER skein
VOLUME /var/lib/skein
EXPOSE 1883
# Healthy means that the agent's own event loop and disk work: never that the network does.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["node", "dist/src/cli/main.js", "health", "--data", "/var/lib/skein"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--enable-source-maps", "dist/src/cli/main.js"]
CMD ["run", "--config", "/etc/skein/agent.yaml", "--data", "/var/lib/skein"]
