"""A Hive Metastore beside the catalog: which of its tables models were trained on."""
