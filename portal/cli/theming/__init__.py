"""What ``portal theme check`` looks at: pages by their samples, templates, colours."""
