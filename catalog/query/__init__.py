"""One query, many spellings: box text, URL, command line, saved search and Elasticsearch JSON all become `Query`."""
