# Two stages: the compiler stays out of the image that runs.
# WEFT_BASE_IMAGE: Debian 12 with Node.js 20 and npm; lab/container-images.sh makes one where none can be pulled.
ARG WEFT_BASE_IMAGE=node:20-bookworm-slim

FROM ${WEFT_BASE_IMAGE} AS build
WORKDIR /weft
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM ${WEFT_BASE_IMAGE}
ENV NODE_ENV=production
WORKDIR /weft
COPY --from=build /weft/package.json ./
COPY --from=build /weft/node_modules node_modules
COPY --from=build /weft/dist dist
RUN useradd --system --home-dir /var/lib/weft --create-home weft \
  && chmod 0755 dist/northbound/cli/weft.js && ln -s /weft/dist/northbound/cli/weft.js /usr/local/bin/weft
USER weft
VOLUME /var/lib/weft
EXPOSE 8080 6640 6653 6654
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/readyz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
CMD ["node", "--max-semi-space-size=8", "dist/src/main.js"]
