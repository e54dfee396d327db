//! What a room does, one behaviour per file.

mod chat;
mod duplicate_identity;
mod empty_room;
mod grants;
mod hidden;
mod joining;
mod journal;
mod leaving;
mod media_failure;
mod mirror;
mod moderator;
mod muting;
mod negotiation;
mod plane;
mod properties;
mod publishing;
mod stopping;
mod subscriptions;
mod world;
