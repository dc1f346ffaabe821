FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
# What compiles better-sqlite3 where no prebuilt binary can be fetched.
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 make g++ \
  && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json ./
# No package but this one needs a script of its own to run in production.
RUN npm ci --ignore-scripts && npm rebuild better-sqlite3
COPY tsconfig.json tsconfig.build.json ./
COPY build ./build
COPY src ./src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production SIGNALBOX_DATA=/var/lib/signalbox
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY LICENSE ./
COPY config/signalbox.yaml /etc/signalbox/signalbox.yaml
# A volume that is mounted here for the first time takes the owner over. The id is a number, so that a runtime can see
# that it is not root.
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/signalbox
USER 10001:10001
VOLUME /var/lib/signalbox
EXPOSE 8080 9090
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js", "serve", "-c", "/etc/signalbox/signalbox.yaml"]
