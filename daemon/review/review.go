// Package review will carry a clerk's decision back: bundles moved to approve,
// reject or again inside the review folder, and their corrected fields.
//
// The bundles themselves are written by deliver; nothing watches them yet.
package review
