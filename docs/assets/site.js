/* What the theme leaves out for the keyboard and for screen readers. */
document.querySelector(".md-search")?.setAttribute("aria-label", "Search");

/* A table that is wider than its place can be scrolled with the arrow keys. */
function reachable() {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap, figure.drawing")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", reachable);
addEventListener("resize", reachable);
