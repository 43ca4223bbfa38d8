//! What goes wrong around a watcher: its state, its disk, its process, its neighbours.

mod broken;
mod clock;
mod detach;
mod dismissed;
mod full;
mod gated;
mod gone;
mod many;
mod namespace;
mod refused;
mod scene;
