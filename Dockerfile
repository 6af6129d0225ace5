# Two stages: the compiler and the packages for development stay behind in the first. No secret is needed to build.
# Node 24 is a long-term release, and the one that CI runs everything on; Debian, because its libc is the tests'.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src src
RUN npm run build

FROM node:24-bookworm-slim
WORKDIR /app
ENV NODE_ENV=production DATA_DIR=/data
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts && npm cache clean --force
COPY manifests manifests
COPY --from=build /app/dist/src dist/src
# For its owner alone, as the service makes the folder where there is none. A new volume takes these rights over.
RUN install -d -m 700 -o 1000 -g 1000 /data
VOLUME /data
# The image's user `node`, as a number: Kubernetes cannot tell of a name whether it is root (runAsNonRoot).
USER 1000:1000
EXPOSE 3978
STOPSIGNAL SIGTERM
# Alive, not ready: a new process mends no full disk and no database that is away.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3978}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node itself is process 1, so that SIGTERM reaches the service. The bound keeps garbage from filling what memory there
# is: docs/operations.md, Sizing.
CMD ["node", "--max-old-space-size=144", "--min-semi-space-size=8", "--max-semi-space-size=8", "--no-allocation-site-pretenuring", "--liftoff-only", "dist/src/main.js"]
