max_epochs = 12
base_lr = 0.004
