// Loaded before the page is drawn, so that a chosen theme is there from the first picture on.

(() => {
  let chosen = 'auto';
  try { chosen = localStorage.getItem('mien-theme') || 'auto'; } catch { /* no storage: follow the system */ }
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
