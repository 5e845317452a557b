-- One database per store; the first one, for the views, is made by the image itself.
CREATE DATABASE operational;
CREATE DATABASE vault;
