//! The driver: the loop that carries requests out, and its three ports: people, machines, paper.

pub mod ports;
