"""Reports as files for spreadsheets: CSV and XLSX."""
