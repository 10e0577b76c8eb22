FROM python:3.12-slim

RUN useradd --create-home --uid 10001 modeldex && mkdir /state && chown modeldex /state
WORKDIR /src
COPY pyproject.toml constraints.txt README.md ./
COPY mappings mappings
COPY catalog catalog
COPY crawler crawler
COPY indexer indexer
COPY webui webui
COPY modeldex modeldex
RUN pip install --no-cache-dir --constraint constraints.txt '.[elasticsearch,hdf5,postgresql,redis,s3]'

USER modeldex
ENV MODELDEX_HOME=/state
VOLUME /state
EXPOSE 8080
ENTRYPOINT ["modeldex"]
CMD ["serve", "--host", "0.0.0.0"]
