"""Reconciliation: what is kept here is compared with what Ory lists, and brought in line
(hydra-contract 3.6, 4.1; ADR 0016).

Ory tells nobody when a grant or a client is deleted there, or when another login app gives a
consent. It lists the consents of one subject at a time, so one subject after the other is compared.
"""
